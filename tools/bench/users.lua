-- Asks as many users in turn, each by an id of its own. Argument: a path in which {user} stands for the number.
local paths = {}
local index = 0

function init(args)
  local users = tonumber(args[2]) or 5000
  for user = 1, users do
    paths[user] = wrk.format("GET", (string.gsub(args[1], "{user}", tostring(user))))
  end
end

function request()
  index = index % #paths + 1
  return paths[index]
end
