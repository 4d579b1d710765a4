#!lua flags=allow-oom
-- Requests of a key in the last 60 s.
-- KEYS[1] root. ARGV[1..3] see base, ARGV[4] key id. Answers their number.
--- @include "base"
--- @include "open"
--- @include "runs"
--- @include "charges"
return rateCount(ARGV[4])
