-- Everything there is to know of a stock. Walks all of it: for repair and for moving it.
-- Answers: image, then meta, states, and the holds, endings, keys with their times, and sales as lists of pairs
return {'image', 0, meta, call('GET', STATES), call('HGETALL', HOLDS), call('HGETALL', ENDED),
  call('HGETALL', WORDS), call('ZRANGE', SAID, 0, -1, 'WITHSCORES'), call('HGETALL', SALES)}
