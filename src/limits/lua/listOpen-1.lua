#!lua flags=allow-oom
-- Open records of the run that calls, those it took over included: what an earlier home still holds of a run that is gone.
-- KEYS[1] root. ARGV[1..3] see base, ARGV[4] how many, ARGV[5] how many before. Answers one flat list of fields and values for each.
--- @include "base"
--- @include "runs"
--- @include "charges"
local records = {}
local from, to = tonumber(ARGV[5]), tonumber(ARGV[5]) + tonumber(ARGV[4]) - 1
for _, set in ipairs({ openOf(RUN), leftOf(RUN) }) do
  for _, id in ipairs(call('ZRANGE', set, from, to)) do
    local open = getOpen(id)
    if open then records[#records + 1] = listOpen(open) end
  end
end
return records
