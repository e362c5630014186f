module tandem-peer

go 1.26.8

require (
	github.com/dmitryikh/leaves v0.0.0-20230708180554-25d19a787328
	github.com/goccy/go-json v0.12.0
)
