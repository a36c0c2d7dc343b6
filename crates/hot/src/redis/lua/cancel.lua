-- Gives a hold back, by its owner.
-- ARGV 2 hold · 3 owner
-- Answers: gone · paying · confirmed · unknown · again
local hold, owner = ARGV[2], ARGV[3]

if lapse(LAPSES) then return answer('again') end
local value, ended = theirs(hold, owner)
if ended then return answer(ended:sub(1, 1) == 's' and 'confirmed' or 'gone') end
if not value then return answer('unknown') end
if hold_order(value) then return answer('paying') end

local units = hold_units(value)
record(6, hold .. units)
finish(hold, value, 'c')
move(each(units), FREE)
return answer('gone')
