# `make help`: every line `target: … ## [VARIABLE=…]: text` of a makefile below its group (`##@ group`), the variables below
# the text, no wider than a terminal.

BEGIN { FS = ":.*## " }
/^##@ / { printf "\n%s\n", substr($0, 5) }
/^[a-z-]+:.*## / {
	at = $2 ~ /^\[?[A-Z0-9_]+=/ ? index($2, ": ") : 0
	wrapped($1, at ? substr($2, at + 2) : $2)
	if (at) wrapped("", substr($2, 1, at - 1))
}

function wrapped(name, text,    count, words, line, i) {
	count = split(text, words, " ")
	line = sprintf("  %-15s", name)
	for (i = 1; i <= count; i++) {
		if (length(line) + 1 + length(words[i]) > 100) {
			print line
			line = sprintf("%17s", "")
		}
		line = line " " words[i]
	}
	print line
}
