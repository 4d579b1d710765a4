#!lua flags=allow-oom
-- Takes a token out of the pool; running calls settle as usual, its windows outlive it.
-- KEYS[1] root. ARGV[1..3] see base, ARGV[4] id, [5] control position, [6] tie for a token not known yet. Answers nothing.
--- @include "base"
--- @include "open"
--- @include "pool"
removeToken(ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6]))
save()
return nil
