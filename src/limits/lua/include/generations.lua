-- A bounded map that forgets (src/limits/generations.ts): two hashes, the older one dropped whole. Values carry their time.
local generationGet, generationPut
(function()
  function generationGet(name, field, maxAge)
    for _, half in ipairs({ ':young', ':old' }) do
      local found = call('HGET', ROOT .. name .. half, field)
      if found then
        local space = found:find(' ', 1, true)
        if tonumber(found:sub(1, space - 1)) + maxAge > MONO then return found:sub(space + 1) end
        return nil
      end
    end
    return nil
  end

  -- `turned`: the field of `meta` that holds when the halves changed last.
  function generationPut(name, turned, field, value, maxEntries, maxAge)
    local young, old = ROOT .. name .. ':young', ROOT .. name .. ':old'
    if (meta[turned] or 0) + maxAge <= MONO or call('HLEN', young) >= maxEntries / 2 then
      call('UNLINK', old)
      if call('EXISTS', young) == 1 then call('RENAME', young, old) end
      setMeta(turned, MONO)
    end
    call('HSET', young, field, string.format('%.17g', MONO) .. ' ' .. value)
    call('PEXPIRE', young, 2 * maxAge)
  end
end)()
