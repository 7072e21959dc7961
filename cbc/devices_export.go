package cbc

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"path"
)

// Export begins to write all devices that q describes into a file with comma-separated values, any number of them. Its job is waited for
// and read with [ServiceJob.Download], which streams the file, and [DeviceRows], which reads its lines. The file has secrets in it, such
// as the codes that uninstall sensors, which DeviceRows leaves out. Rows is not used. Beginning twice costs a second job and harms
// nothing, so that the call is repeated when its answer is lost. It needs device (READ), and jobs.status (READ) for the job.
//
//api:op POST /appservices/v6/orgs/{org_key}/devices/_export
func (d *Devices) Export(ctx context.Context, q DeviceQuery) (*ServiceJob, error) {
	const op = "devices.export"
	filter, err := q.filter(op)
	order, errOrder := q.order(op)
	if err := errors.Join(err, errOrder); err != nil {
		return nil, err
	}
	call := d.c.call(op, http.MethodPost, "/appservices/v6/orgs/{org_key}/devices/_export")
	call.Body = struct {
		deviceFilter
		Sort   []sortBy `json:"sort"`
		Format string   `json:"format"`
	}{filter, order, "CSV"}
	call.Repeatable = true
	call.OK = []int{http.StatusSeeOther} // where the answer is the job's own address
	var answer struct {
		ID ServiceJobID `json:"id"`
	}
	result, err := d.c.send(ctx, call, &answer)
	if err != nil {
		return nil, err
	}
	if result.Status == http.StatusSeeOther {
		answer.ID = jobOfAddress(result.Header.Get("Location"))
	}
	if answer.ID <= 0 {
		return nil, answerError(op, result.Status, nil, errors.New("a job without an id"))
	}
	return newServiceJob(d.c, answer.ID), nil
}

// jobOfAddress is the job that an address is of; zero if it is of none.
func jobOfAddress(location string) ServiceJobID {
	u, err := url.Parse(location)
	if err != nil {
		return 0
	}
	parent, last := path.Split(u.Path)
	id, err := parseInteger(last)
	if err != nil || path.Base(parent) != "jobs" {
		return 0
	}
	return ServiceJobID(id)
}
