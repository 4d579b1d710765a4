#!lua flags=allow-oom
-- An admin's resume: forgets failures and cooling.
-- KEYS[1] root. ARGV[1..3] see base, ARGV[4] id. Answers nothing.
--- @include "base"
--- @include "open"
--- @include "pool"
local token = getToken(ARGV[4])
if not token then return nil end
changeHealth(token, 0, 0, 0)
place(token)
save()
return nil
