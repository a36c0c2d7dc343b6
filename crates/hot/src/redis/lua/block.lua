-- Takes free seats off sale, or puts blocked ones back. Those that are so already are passed over.
-- ARGV 2 units · 3 '1' off sale, '0' back
-- Answers: done · no_seat unit · taken units · again
local list, off = each(ARGV[2]), ARGV[3] == '1'

if lapse(LAPSES) then return answer('again') end
for _, unit in ipairs(list) do
  if unit < 1 or unit > seats then return answer('no_seat', unit) end
end
local from = off and FREE or BLOCKED
local taken, moving, units, seen = {}, {}, {}, {}
for at, state in ipairs(states_of(list)) do
  local unit = list[at]
  if state == from and not seen[unit] then
    seen[unit] = true
    moving[#moving + 1] = unit
    units[#units + 1] = pack('>I4', unit)
  elseif off and state ~= FREE and state ~= BLOCKED then
    taken[#taken + 1] = pack('>I4', unit)
  end
end
if #taken > 0 then return answer('taken', table.concat(taken)) end
if #moving > 0 then
  record(off and 9 or 10, table.concat(units))
  move(moving, off and BLOCKED or FREE)
end
return answer('done')
