module github.com/lithify/lithify/tests/falcosidekick

go 1.24
