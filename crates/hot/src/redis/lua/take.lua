-- Takes the record of a performance for draining, or keeps it: one node at a time has it, and loses it by silence.
-- KEYS 16 drainer, string: node, until when in ms u64
-- ARGV 2 node · 3 for how many ms
-- Answers: yours changes not yet drained · theirs ms left
local node, until_when = unpacked('>c16I8', call('GET', KEYS[16]))
if node ~= ARGV[2] and until_when > now then return answer('theirs', until_when - now) end
local waiting = call('XLEN', CHANGES)
if waiting == 0 then
  -- Nothing to do: whoever has the next change may have it at once.
  if node == ARGV[2] then call('SET', KEYS[16], pack('>c16I8', NOBODY, 0)) end
  return answer('yours', 0)
end
-- Asking again does not make it last longer, only progress does: a node that cannot write loses it to one that can.
if node ~= ARGV[2] or until_when <= now then
  call('SET', KEYS[16], pack('>c16I8', ARGV[2], now + tonumber(ARGV[3])))
end
return answer('yours', waiting)
