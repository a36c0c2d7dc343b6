-- HELD to PAYING under an order. From here on the hold does not lapse.
-- ARGV 2 hold · 3 owner · 4 call · 5 order
-- Answers: begun HOLD · paying order · ended ENDING · unknown · again
local hold, owner, caller, order = ARGV[2], ARGV[3], ARGV[4], ARGV[5]

if lapse(LAPSES) then return answer('again') end
local value, ended = theirs(hold, owner)
if ended then return answer('ended', ended) end
if not value then return answer('unknown') end
local under_way = hold_order(value)
if under_way == order then return answer('begun', value) end
if under_way then return answer('paying', under_way) end

local units = hold_units(value)
record(3, hold .. order .. units)
value = value:sub(1, 52) .. caller .. pack('>I8', now) .. order .. units
call('HSET', HOLDS, hold, value)
call('ZREM', DUE, hold)
call('ZADD', PAYING, now, hold)
move(each(units), IN_PAYMENT)
return answer('begun', value)
