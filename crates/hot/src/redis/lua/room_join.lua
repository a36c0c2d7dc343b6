-- Gives a place, or the one that the buyer has.
-- KEYS 1 meta · 2 ended · 3 entries, the chunk of the next place · 4 buyers, the buyer's bucket
--      5 addresses, the address's bucket; missing where addresses do not count
-- ARGV 2 buyer · 3 when the lobby closes, in ms; empty: there is none · 4 this call · 5 which chunk KEYS[3] is
--      6 places a chunk · 7 most places of a room · 8 address
-- Answers: placed place · same place · refused gate · duplicate · full
--          rejoin place (it has ended, and is theirs again: that is decided by the program)
--          chunk number (KEYS[3] is another one)
local ENDED, ENTRIES, BUYERS, ADDRESSES = KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local buyer, address = ARGV[2], ARGV[8]
local size = tonumber(ARGV[6])

close_lobby(ARGV[3], ARGV[4])
local had = tonumber(call('HGET', BUYERS, buyer) or nil)
if had and not has_ended(ENDED, had) then return answer('same', had) end
if gate ~= 0 then return answer('refused', gate) end
if ADDRESSES then
  local taken = tonumber(call('HGET', ADDRESSES, address) or nil)
  if taken and taken ~= had and not has_ended(ENDED, taken) then return answer('duplicate') end
end
if had and lobby == NOT_CLOSED then return answer('rejoin', had) end
if joined >= tonumber(ARGV[7]) then return answer('full') end
local chunk = math.floor(joined / size)
if chunk ~= tonumber(ARGV[5]) then return answer('chunk', chunk) end

local place = joined
call('SETRANGE', ENTRIES, (place - chunk * size) * 16, buyer)
call('HSET', BUYERS, buyer, place)
if ADDRESSES then call('HSET', ADDRESSES, address, place) end
joined, changed = joined + 1, true
return answer('placed', place)
