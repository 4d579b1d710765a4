#!lua flags=allow-oom
-- What a user has used of today and of this month, reservations included.
-- KEYS[1] root. ARGV[1..3] see base, ARGV[4] user id. Answers day, used, month, used.
--- @include "base"
--- @include "open"
--- @include "runs"
--- @include "charges"
local day, month = periodAt(WALL)
return { day, usedIn(ARGV[4], day), month, usedIn(ARGV[4], month) }
