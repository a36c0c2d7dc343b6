-- SOLD to free, for those of the units that the order still has.
-- ARGV 2 order · 3 units
-- Answers: done · stale
local order, asked = ARGV[2], ARGV[3]

local sale = call('HGET', SALES, order)
if not sale then return answer('stale') end
local owner, named, kept, back, list = sale:sub(1, 16), {}, {}, {}, {}
for _, unit in ipairs(each(asked)) do named[unit] = true end
for _, unit in ipairs(each(sale:sub(17))) do
  if named[unit] then
    list[#list + 1] = unit
    back[#back + 1] = pack('>I4', unit)
  else
    kept[#kept + 1] = pack('>I4', unit)
  end
end
if #list == 0 then return answer('stale') end

record(8, order .. table.concat(back))
if #kept == 0 then
  call('HDEL', SALES, order)
else
  call('HSET', SALES, order, owner .. table.concat(kept))
end
local count, names = belongings(owner)
keep_belongings(owner, math.max(0, count - #list), names)
move(list, FREE)
return answer('done')
