-- Goes through the ready tokens of several groups, best first, without taking any out; reads them in pages (src/limits/heap.ts).
local startWalk, stepWalk
(function()
  local PAGE = 16

  function startWalk(groups)
    local sources = {}
    for _, group in ipairs(groups) do
      sources[#sources + 1] = { group = group, set = groupSet(group, 'ready'), from = 0, at = 1, page = nil }
    end
    return sources
  end

  local function headOf(source)
    if source.page and source.at > #source.page then
      if #source.page < 2 * PAGE then return nil end
      source.from, source.page = source.from + PAGE, nil
    end
    if not source.page then
      source.page, source.at = call('ZRANGE', source.set, source.from, source.from + PAGE - 1, 'WITHSCORES'), 1
    end
    return source.page[source.at], tonumber(source.page[source.at + 1])
  end

  -- {id, score, provider}; nil when all were seen.
  function stepWalk(sources)
    local best, bestMember, bestOrder
    for _, source in ipairs(sources) do
      local member, order = headOf(source)
      if member and (not best or order < bestOrder or (order == bestOrder and member < bestMember)) then
        best, bestMember, bestOrder = source, member, order
      end
    end
    if not best then return nil end
    best.at = best.at + 2
    return { id = idOf(bestMember), score = -bestOrder, provider = best.group.provider, group = best.group }
  end
end)()
