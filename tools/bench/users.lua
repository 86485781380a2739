-- Asks for many users, each by an id of its own. Arguments: a path in which {user} stands for the number, how many users,
-- and a skew: 0 asks for them in turn, else by chance, number k in proportion to 1 / (k + skew).
local paths = {}
local index = 0
local skew = 0

function init(args)
  local users = tonumber(args[2]) or 5000
  skew = tonumber(args[3]) or 0
  math.randomseed(256)
  for user = 1, users do
    paths[user] = wrk.format("GET", (string.gsub(args[1], "{user}", tostring(user))))
  end
end

function request()
  if skew > 0 then
    index = math.floor(skew * ((#paths + skew) / skew) ^ math.random() - skew)
  end
  index = index % #paths + 1
  return paths[index]
end
