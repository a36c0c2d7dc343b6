-- Whose some places are.
-- KEYS 1 meta · 2 entries, their chunk
-- ARGV 2 the first of them, in its chunk · 3 at most how many
-- Answers: entries meta, 16 bytes for each that there is
local from, count = tonumber(ARGV[2]), tonumber(ARGV[3])
return answer('entries', meta, call('GETRANGE', KEYS[2], from * 16, (from + count) * 16 - 1))
