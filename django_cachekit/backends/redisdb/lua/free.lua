-- Give the lock back if the owner ARGV[1] has it, or, if that is empty, whoever has it; its number is
-- remembered for ARGV[2] milliseconds. One of those who wait is told by the signal ARGV[3], a list in
-- the same slot, for ARGV[4] milliseconds. It is given back all the same if nobody can be told.
local lock = read()
if lock.left <= 0 or (ARGV[1] ~= '' and lock.owner ~= ARGV[1]) then return 'gone' end
redis.call('HDEL', KEYS[1], 'owner', 'end')
remember(0, ARGV[2], lock.fence)
if redis.pcall('LLEN', ARGV[3]) == 0 then
  redis.pcall('RPUSH', ARGV[3], '1')
  redis.pcall('PEXPIRE', ARGV[3], ARGV[4])
end
return 'done'
