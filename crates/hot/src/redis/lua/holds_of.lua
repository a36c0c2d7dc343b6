-- The live holds of one owner.
-- ARGV 2 owner
-- Answers: holds, then hold, HOLD for each
local _, names = belongings(ARGV[2])
local found = {'holds', 0}
for at = 1, #names, 16 do
  local hold = names:sub(at, at + 15)
  found[#found + 1] = hold
  found[#found + 1] = call('HGET', HOLDS, hold)
end
return found
