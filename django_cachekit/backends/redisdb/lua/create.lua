-- Store ARGV[1] under KEYS[1], for ARGV[2] milliseconds if there is one, where nothing is.
-- Returns false if it was stored, else what is there.
local made
if ARGV[2] then
  made = redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2])
else
  made = redis.call('SET', KEYS[1], ARGV[1], 'NX')
end
if made then return false end
-- What another program put there and is no string is told as the server's error.
return redis.pcall('GET', KEYS[1])
