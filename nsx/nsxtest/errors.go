package nsxtest

import (
	"net/http"
	"strings"

	"github.com/pphunt/pphunt/internal/fake"
)

// The codes in the bodies of errors.
const (
	codeXSRF        = 98
	codeGeneral     = 100
	codeBadJSON     = 220
	codePermission  = 289 // the real code of a missing permission is not documented
	codeInvalid     = 258 // nor is that of an invalid argument
	codeCredentials = 403
	codeStale       = 604
	codeNotFound    = 600
	codePath        = 500012
	codeTooLarge    = 60576
	codeCertificate = 99
	codeTagCount    = 610717
)

// problem is an error that is answered to the caller.
type problem struct {
	status  int
	code    int
	module  string
	text    string
	details string
	related []problem
}

// Error returns the text.
func (p *problem) Error() string { return p.text }

// invalid is a 400 with a reason.
func invalid(reason string) *problem {
	return &problem{status: http.StatusBadRequest, code: codeInvalid, text: reason}
}

// missing is a 404 for an object.
func missing(what, id string) *problem {
	return &problem{
		status: http.StatusNotFound, code: codeNotFound,
		text: "The requested object : " + what + "/" + id + " could not be found. Object identifiers are case sensitive.",
	}
}

// wireError is the body of an error.
type wireError struct {
	Status  string      `json:"httpStatus,omitempty"`
	Code    int         `json:"error_code"`
	Module  string      `json:"module_name"`
	Message string      `json:"error_message"`
	Details string      `json:"details,omitempty"`
	Related []wireError `json:"related_errors,omitempty"`
}

// wire is the problem as a body.
func (p *problem) wire() wireError {
	e := wireError{
		Status: strings.ToUpper(strings.ReplaceAll(http.StatusText(p.status), " ", "_")), Code: p.code, Module: p.module,
		Message: p.text, Details: p.details,
	}
	if e.Module == "" {
		e.Module = "common-services"
	}
	for i := range p.related {
		e.Related = append(e.Related, p.related[i].wire())
	}
	return e
}

// refuse answers with a problem.
func refuse(w http.ResponseWriter, p *problem) { fake.WriteJSON(w, p.status, p.wire()) }

// refuseLogin answers to bad credentials. The manager's body has no status, and does not tell a locked account.
func (s *Server) refuseLogin(w http.ResponseWriter) {
	status := http.StatusForbidden
	if s.switches.Unauthorized {
		status = http.StatusUnauthorized
	}
	fake.WriteJSON(w, status, wireError{
		Code: codeCredentials, Module: "common-services",
		Message: "The credentials were incorrect or the account specified has been locked.",
	})
}
