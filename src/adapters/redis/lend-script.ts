/**
 * `lend` of domain/traffic/limits/token-loan.ts, line by line, since Redis runs a script without another command between its own: the
 * same bucket is lent by several gateways. KEYS: the bucket's hash. ARGV: msPerToken, burst, owed, wanted, demand, credit, and for
 * tests the time in ms in place of Redis's own. Gives tokens, ahead, waitMs, fullInMs, credit; the last three as text, as Redis makes
 * integers of numbers.
 */
export const lendScript = `
local msPerToken, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local owed, wanted = tonumber(ARGV[3]), tonumber(ARGV[4])
local asked, credit = tonumber(ARGV[5]), tonumber(ARGV[6])
local nowMs = tonumber(ARGV[7])
if not nowMs then
  local time = redis.call('TIME')
  nowMs = tonumber(time[1]) * 1000 + tonumber(time[2]) / 1000
end
local turnMs, askersKept, demandKept, creditMax = 5, 0.999, 0.97, 4

local function wholeTokens(fullAtMs)
  local tokens = burst - math.max(0, fullAtMs - nowMs) / msPerToken
  return math.max(0, math.floor(tokens + 1e-6))
end

local kept = redis.call('HMGET', KEYS[1], 'fullAtMs', 'turnAtMs', 'pool', 'asks', 'askers',
  'demand', 'usualDemand')
local fullAtMs = tonumber(kept[1]) or 0
local turnAtMs = tonumber(kept[2]) or -1e15
local pool, asks, askers = tonumber(kept[3]) or 0, tonumber(kept[4]) or 0, tonumber(kept[5]) or 0
local demand, usualDemand = tonumber(kept[6]) or 0, tonumber(kept[7]) or 0

local elapsedMs = nowMs - turnAtMs
if elapsedMs >= turnMs then
  pool = wholeTokens(fullAtMs)
  local turns = math.min(elapsedMs / turnMs, 1e4)
  askers = math.max(asks, askers * askersKept ^ turns)
  usualDemand = usualDemand + (demand / turns - usualDemand) * (1 - demandKept ^ turns)
  turnAtMs, asks, demand = nowMs, 0, 0
end

asks = asks + 1
local askersNow = math.max(askers, asks)
fullAtMs = math.max(fullAtMs, nowMs) + owed * msPerToken
local there = wholeTokens(fullAtMs)
pool = pool + math.max(0, -owed)
local usualNow = usualDemand
if usualNow <= 0 then usualNow = math.max(1, asked) end
local part = credit + (pool * asked) / usualNow - math.max(0, owed)
local tokens = math.max(0, math.min(wanted, there, math.floor(part)))
demand = demand + asked
fullAtMs = math.max(fullAtMs, nowMs) + tokens * msPerToken
local left = there - tokens
local ahead = 0
if left > 0 and pool >= usualNow then ahead = math.max(1, math.floor(left / askersNow)) end
local waitMs = math.max(0, fullAtMs - nowMs - (burst - 1) * msPerToken)
local fullInMs = math.max(0, fullAtMs - nowMs)

local function exact(number) return string.format('%.17g', number) end
redis.call('HSET', KEYS[1], 'fullAtMs', exact(fullAtMs), 'turnAtMs', exact(turnAtMs),
  'pool', exact(pool), 'asks', exact(asks), 'askers', exact(askers),
  'demand', exact(demand), 'usualDemand', exact(usualDemand))
redis.call('PEXPIRE', KEYS[1], math.ceil(fullInMs) + 10000)
local creditLeft = math.max(0, math.min(creditMax, part - tokens))
return { tokens, ahead, exact(waitMs), exact(fullInMs), exact(creditLeft) }
`;
