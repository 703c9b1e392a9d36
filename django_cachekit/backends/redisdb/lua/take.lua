-- Take the lock for the owner ARGV[1] and ARGV[2] milliseconds, if nobody has it; it is remembered
-- for ARGV[3] more. ARGV[4] is its signal, which tells nothing any more.
local lock = read()
if lock.left > 0 then return {'held', lock.left} end
if lock.foreign then redis.call('UNLINK', KEYS[1]) end
-- Never under the clock: so it grows even where the last number was lost with a server.
local fence = math.max(lock.fence + 1, now)
local lasts = tonumber(ARGV[2])
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'end', digits(now + lasts), 'fence', digits(fence))
remember(lasts, ARGV[3], fence)
redis.pcall('UNLINK', ARGV[4])
return {'had', fence}
