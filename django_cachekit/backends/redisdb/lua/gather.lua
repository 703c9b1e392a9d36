-- Read what is under KEYS[1] and ARGV[1], and the records that the latter tells of: the keys, without
-- their lead ARGV[2], follow 8 bytes of epoch and a magic (see hints.py). Each of them is read only
-- so far as a record is long, and ARGV[3] of them at most, whoever wrote there.
-- What another program put there and is no string counts as nothing.
local function string_of(value)
  if type(value) == 'table' then return false end
  return value
end
local value = string_of(redis.pcall('GET', ARGV[1]))
local answer = {string_of(redis.pcall('GET', KEYS[1])), value}
if not value or string.sub(value, 9, 12) ~= '\193CKR' or #value < 14 then return answer end
local last = math.min(14 + string.byte(value, 13) * 256 + string.byte(value, 14), #value)
local at = 15
while at + 1 <= last and #answer < 2 + tonumber(ARGV[3]) do
  local length = string.byte(value, at) * 256 + string.byte(value, at + 1)
  local key = ARGV[2] .. string.sub(value, at + 2, at + 1 + length)
  answer[#answer + 1] = string_of(redis.pcall('GETRANGE', key, 0, 1023))
  at = at + 2 + length
end
return answer
