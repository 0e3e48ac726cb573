module whylate/servers/peers/go

go 1.19
