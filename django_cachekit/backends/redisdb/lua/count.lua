-- Add ARGV[1] to the counter under KEYS[1]: 8 bytes of epoch, a magic, an envelope, and a signed
-- 64-bit number. Returns all of its bytes; false where there is no counter, or the sum is too large.
local head = redis.pcall('GETRANGE', KEYS[1], 8, 11)
if head ~= '\193CKN' then return false end
local bits = (redis.call('STRLEN', KEYS[1]) - 8) * 8
local sum = redis.call('BITFIELD', KEYS[1], 'OVERFLOW', 'FAIL', 'INCRBY', 'i64', bits, ARGV[1])
if not sum[1] then return false end
return redis.call('GET', KEYS[1])
