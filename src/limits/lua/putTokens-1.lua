#!lua
-- Adds or replaces pool tokens; ignores a state older than the one known.
-- KEYS[1] root. ARGV[1..3] see base, ARGV[4..] one token each as JSON: id, tie, position, ownerId?, visibility, provider,
-- models? (a JSON list as text), status, parkedUntil?, dailyCap?. Answers nothing.
--- @include "base"
--- @include "open"
--- @include "pool"
for i = 4, #ARGV do
  putToken(cjson.decode(ARGV[i]))
end
save()
return nil
