module github.com/pphunt/pphunt/hunt/huntreport/browsertest

go 1.26.0

replace github.com/pphunt/pphunt => ../../..

require (
	github.com/chromedp/cdproto v0.159.0
	github.com/chromedp/chromedp v0.23.0
	github.com/pphunt/pphunt v0.0.0
	github.com/santhosh-tekuri/jsonschema/v6 v6.0.3
)

require (
	github.com/go-json-experiment/json v1.27.2 // indirect
	golang.org/x/text v0.14.0 // indirect
)
