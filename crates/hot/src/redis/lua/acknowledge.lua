-- The ledger has everything up to a position: the record before it goes, and so do the holds that ended there.
-- KEYS 16 drainer, string: node, until when in ms u64
-- ARGV 2 node · 3 epoch · 4 offset · 5 for how many ms it has the record from now on, where there is more
-- Answers: done changes not yet drained · theirs (another node drains by now, and will come to the same)
--          past (the stock was loaded under a later epoch meanwhile)
local node = unpacked('>c16I8', call('GET', KEYS[16]))
local upto_epoch, upto_offset = tonumber(ARGV[3]), tonumber(ARGV[4])
local is_past = upto_epoch < epoch
if node ~= ARGV[2] then return answer(is_past and 'past' or 'theirs') end
call('XTRIM', CHANGES, 'MINID', upto_epoch .. '-' .. (upto_offset + 1))
local fence = upto_epoch * 4294967296 + upto_offset
repeat
  local some = call('ZRANGEBYSCORE', ENDINGS, '-inf', fence, 'LIMIT', 0, 1000)
  if #some > 0 then
    call('ZREM', ENDINGS, unpack(some))
    call('HDEL', ENDED, unpack(some))
  end
until #some < 1000
local waiting = call('XLEN', CHANGES)
call('SET', KEYS[16], waiting == 0 and pack('>c16I8', NOBODY, 0) or pack('>c16I8', node, now + tonumber(ARGV[5])))
return answer(is_past and 'past' or 'done', waiting)
