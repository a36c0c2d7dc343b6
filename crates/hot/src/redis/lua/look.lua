-- The public view at one position.
-- ARGV 2 '1': let lapse what is due first
-- Answers: seen meta, states · again
if ARGV[2] == '1' and lapse(LAPSES) then return answer('again') end
return answer('seen', pack('>I4I4I8I4I2', epoch, offset, sequence, seats, areas), call('GET', STATES))
