-- Takes what was decided, where the room is as it was when that was decided.
-- KEYS 1 meta · 2 front · 3 turns · 4 recent · 5 ended
--      6 addresses, the bucket of 15; missing where there is none
-- ARGV 2 generation · 3 offset · 4 mark: of the room as it was · 5 this call · 6 front · 7 gate
--      8 changes, each with its length u32 in front · 9 turns that are over, u32 each
--      10 turns that are new or changed, each as place u32, length u8, turn · 11 places that have ended, u32 each
--      12 places that have ended no more, u32 each · 13 how many changes are kept
--      14 the place that 15 now belongs to · 15 an address; empty: none
-- Answers: done · moved (the room is not as it was) · duplicate (somebody else has a place from that address)
local FRONT, TURNS, RECENT, ENDED, ADDRESSES = KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local caller = ARGV[5]

if tonumber(ARGV[2]) ~= generation then return {'moved', 0} end
-- The same call again, because its first answer was lost on the way.
if mark == caller then return {'done', sequence} end
if tonumber(ARGV[3]) ~= offset or ARGV[4] ~= mark then return {'moved', 0} end
if ADDRESSES then
  local taken = tonumber(call('HGET', ADDRESSES, ARGV[15]) or nil)
  if taken and taken ~= tonumber(ARGV[14]) and not has_ended(ENDED, taken) then return {'duplicate', 0} end
  call('HSET', ADDRESSES, ARGV[15], ARGV[14])
end

call('SET', FRONT, ARGV[6])
-- Packed lists, item by item.
local function each_place(packed, visit)
  for at = 1, #packed, 4 do visit(unpacked('>I4', packed, at)) end
end
local at, changes = 1, ARGV[8]
while at <= #changes do
  local length = unpacked('>I4', changes, at)
  call('RPUSH', RECENT, caller .. changes:sub(at + 4, at + 3 + length))
  at, offset, changed = at + 4 + length, offset + 1, true
end
if not changed then return {'done', 0} end
call('LTRIM', RECENT, -tonumber(ARGV[13]), -1)
each_place(ARGV[9], function(place) call('HDEL', TURNS, place) end)
at = 1
local turns = ARGV[10]
while at <= #turns do
  local place, length = unpacked('>I4B', turns, at)
  call('HSET', TURNS, place, turns:sub(at + 5, at + 4 + length))
  at = at + 5 + length
end
each_place(ARGV[11], function(place) call('SETBIT', ENDED, place, 1) end)
each_place(ARGV[12], function(place) call('SETBIT', ENDED, place, 0) end)
mark, gate = caller, tonumber(ARGV[7])
return answer('done')
