-- Take members out of the sorted set under KEYS[1], each if it has its score still: ARGV holds
-- scores and members in turn. Returns how many went.
local gone = 0
for at = 1, #ARGV, 2 do
  local score = redis.call('ZSCORE', KEYS[1], ARGV[at + 1])
  if score and tonumber(score) == tonumber(ARGV[at]) then
    gone = gone + redis.call('ZREM', KEYS[1], ARGV[at + 1])
  end
end
return gone
