-- Return who has the lock, for how many milliseconds still, and under which number; nothing if it is
-- free.
local lock = read()
if lock.left <= 0 then return {} end
return {lock.owner, lock.left, lock.fence}
