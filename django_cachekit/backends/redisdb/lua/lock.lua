-- What every script of locks begins with. KEYS[1] is a lock's record: a hash of who has it (`owner`),
-- until when (`end`, milliseconds by this server's clock), and the number of its last holder
-- (`fence`), which stays when the others go. What another program wrote there counts as nothing.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function whole(text)
  if text and #text <= 15 and string.match(text, '^%d+$') then return tonumber(text) end
  return 0
end

local function digits(number) return string.format('%.0f', number) end

local function read()
  local found = redis.pcall('HMGET', KEYS[1], 'owner', 'end', 'fence')
  if found.err then
    -- Said again aloud, unless it only means that there is no hash.
    if not string.find(found.err, 'WRONGTYPE', 1, true) then
      redis.call('HMGET', KEYS[1], 'owner')
    end
    return {left = 0, fence = 0, foreign = true}
  end
  local left = found[1] and found[1] ~= '' and whole(found[2]) - now or 0
  return {owner = found[1], left = math.max(left, 0), fence = whole(found[3])}
end

-- Remembered for so long after its end, and until the clock is past its number: who begins with the
-- clock then begins above it.
local function remember(lasts, linger, fence)
  redis.call('PEXPIRE', KEYS[1], digits(lasts + linger + math.max(0, fence - now)))
end
