-- Remove what is under KEYS[1] if it begins with ARGV[1], the epoch of a time that is past.
local head = redis.pcall('GETRANGE', KEYS[1], 0, 7)
if head == ARGV[1] then return redis.call('UNLINK', KEYS[1]) end
return 0
