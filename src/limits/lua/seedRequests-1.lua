#!lua flags=allow-oom
-- Takes over requests that are open since an earlier home; those known already stay as they are.
-- KEYS[1] root. ARGV[1..3] see base, then one JSON for each: the fields of an open record, and `left` where its run is dead. Answers nothing.
--- @include "base"
--- @include "open"
--- @include "runs"
--- @include "charges"
for i = 4, #ARGV do
  local open = cjson.decode(ARGV[i])
  local set = open.left and leftOf(open.run) or openOf(open.run)
  open.left = nil
  knowRun(open.run)
  adoptOpen(open, set)
end
return nil
