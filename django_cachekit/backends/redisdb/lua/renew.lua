-- Let the owner ARGV[1] have the lock for ARGV[2] milliseconds from now, if it is his; it is
-- remembered for ARGV[3] more.
local lock = read()
if lock.left <= 0 or lock.owner ~= ARGV[1] then return 'gone' end
local lasts = tonumber(ARGV[2])
redis.call('HSET', KEYS[1], 'end', digits(now + lasts))
remember(lasts, ARGV[3], lock.fence)
return 'done'
