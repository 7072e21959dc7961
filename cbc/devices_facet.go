package cbc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// Facet counts the devices that q describes by the values of fields: policy_id, status, os, ad_group_id, deployment_type,
// cloud_provider_account_id, auto_scaling_group_name or virtual_private_cloud_id; a field that the vendor does not count by is an
// [*APIError] with status 400. Rows is the number of values of each field, the vendor's own if it is zero; Sort is not used. What q
// excludes by its sensor version cannot be left out here and is an error. It needs device (READ).
//
//api:op POST /appservices/v6/orgs/{org_key}/devices/_facet
func (d *Devices) Facet(ctx context.Context, q DeviceQuery, fields ...string) ([]Facet, error) {
	const op = "devices.facet"
	filter, err := q.filter(op)
	switch {
	case err != nil:
		return nil, err
	case len(fields) == 0:
		return nil, fmt.Errorf("cbc: %s: no field to count by", op)
	case q.Rows < 0:
		return nil, fmt.Errorf("cbc: %s: Rows is %d", op, q.Rows)
	case len(q.NotSensorVersions) > 0:
		return nil, fmt.Errorf("cbc: %s: NotSensorVersions cannot be used in counting", op)
	}
	for _, field := range fields {
		if !isFieldName(field) {
			return nil, fmt.Errorf("cbc: %s: %q is no field name", op, field)
		}
	}
	call := d.c.call(op, http.MethodPost, "/appservices/v6/orgs/{org_key}/devices/_facet")
	call.Body = struct {
		deviceFilter
		Terms deviceTerms `json:"terms"`
	}{filter, deviceTerms{fields, q.Rows}}
	call.Repeatable = true // it only reads
	var answer struct {
		Results []Facet `json:"results"`
	}
	if err := d.c.do(ctx, call, &answer); err != nil {
		return nil, err
	}
	if answer.Results == nil {
		return nil, answerError(op, http.StatusOK, nil, errors.New("no results"))
	}
	for i := range answer.Results {
		nameValues(answer.Results[i].Values)
	}
	return answer.Results, nil
}

type deviceTerms struct {
	Fields []string `json:"fields"`
	Rows   int      `json:"rows,omitzero"`
}

// nameValues gives values without a name their id for one.
func nameValues(values []FacetValue) {
	for i := range values {
		if values[i].Name == "" {
			values[i].Name = values[i].ID
		}
	}
}
