-- UTC days and months of a moment, and when they end (src/limits/period.ts).
local periodAt, periodEnd
(function()
  local function daysFromCivil(year, month, day)
    if month <= 2 then year = year - 1 end
    local era = math.floor(year / 400)
    local yearOfEra = year - era * 400
    local dayOfYear = math.floor((153 * (month + (month > 2 and -3 or 9)) + 2) / 5) + day - 1
    local dayOfEra = yearOfEra * 365 + math.floor(yearOfEra / 4) - math.floor(yearOfEra / 100) + dayOfYear
    return era * 146097 + dayOfEra - 719468
  end

  function periodAt(wall)
    local days = math.floor(wall / DAY) + 719468
    local era = math.floor(days / 146097)
    local dayOfEra = days - era * 146097
    local yearOfEra = math.floor(
      (dayOfEra - math.floor(dayOfEra / 1460) + math.floor(dayOfEra / 36524) - math.floor(dayOfEra / 146096)) / 365
    )
    local dayOfYear = dayOfEra - (365 * yearOfEra + math.floor(yearOfEra / 4) - math.floor(yearOfEra / 100))
    local shifted = math.floor((5 * dayOfYear + 2) / 153)
    local day = dayOfYear - math.floor((153 * shifted + 2) / 5) + 1
    local month = shifted < 10 and shifted + 3 or shifted - 9
    local year = yearOfEra + era * 400 + (month <= 2 and 1 or 0)
    return string.format('%04d-%02d-%02d', year, month, day), string.format('%04d-%02d', year, month)
  end

  -- ms since epoch; `2026-11-23` or `2026-11`.
  function periodEnd(period)
    local year, month = tonumber(period:sub(1, 4)), tonumber(period:sub(6, 7))
    if #period > 7 then return (daysFromCivil(year, month, tonumber(period:sub(9, 10))) + 1) * DAY end
    if month == 12 then return daysFromCivil(year + 1, 1, 1) * DAY end
    return daysFromCivil(year, month + 1, 1) * DAY
  end
end)()
