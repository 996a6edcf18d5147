module code.sandbox/pause

go 1.26

tool code.sandbox/pause
