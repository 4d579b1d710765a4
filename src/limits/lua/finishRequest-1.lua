#!lua flags=allow-oom
-- Ends the request after its terminal event is in the log: settles quota, closes the open record. A repeated call hears the same.
-- KEYS[1] root. ARGV[1..3] see base, ARGV[4] request id, ARGV[5] keep or return. Answers Finished as JSON.
--- @include "base"
--- @include "open"
--- @include "runs"
--- @include "charges"
local finishedKey = ROOT .. 'finished:' .. ARGV[4]
local open = getOpen(ARGV[4])
if not open then return call('GET', finishedKey) or '{"warned":[]}' end
closeOpen(open)
local warned = {}
if open.metered == '1' and ARGV[5] == 'keep' then
  warned = keepCharge(open)
elseif open.metered == '1' then
  changeCounts(open, -1, 0)
end
local answer = '{"warned":' .. jsonList(warned) .. '}'
if #warned > 0 then call('SET', finishedKey, answer, 'PX', ANSWER_KEPT) end
save()
return answer
