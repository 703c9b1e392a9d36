-- Put ARGV[3] under KEYS[1], for ARGV[4] milliseconds if there is one, or remove what is there if
-- there is no ARGV[3]; but only if ARGV[2] lies there, or nothing does and ARGV[1] is 'absent'.
-- What another program put there and is no string counts as nothing.
-- Words come back, no numbers: a spoilt bit cannot make one of them the other.
local found = redis.pcall('GET', KEYS[1])
if type(found) == 'table' then found = false end
if ARGV[1] == 'absent' then
  if found then return 'changed' end
elseif found ~= ARGV[2] then
  return 'changed'
end
if ARGV[4] then
  redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
elseif ARGV[3] then
  redis.call('SET', KEYS[1], ARGV[3])
else
  redis.call('UNLINK', KEYS[1])
end
return 'swapped'
