-- Lets another node drain the record, where this one has it.
-- KEYS 16 drainer, string: node, until when in ms u64
-- ARGV 2 node
-- Answers: left · theirs (it is another's)
local node = unpacked('>c16I8', call('GET', KEYS[16]))
if node ~= ARGV[2] then return answer('theirs') end
call('SET', KEYS[16], pack('>c16I8', NOBODY, 0))
return answer('left')
