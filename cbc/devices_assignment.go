package cbc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
)

// PolicyChange is what would become of devices that have one policy.
type PolicyChange struct {
	// Current is the policy that they have, New the one that they would have.
	Current PolicyRank `json:"current_policy"`
	New     PolicyRank `json:"new_policy"`
	// Devices is how many they are.
	Devices int `json:"asset_count"`
	// Query is a device search that finds them, in the vendor's language.
	Query string `json:"asset_query,omitzero"`
}

// PolicyRank is a policy with its place in the order that decides when asset groups compete. Zero if there is none.
type PolicyRank struct {
	ID       PolicyID `json:"id"`
	Position int      `json:"position,omitzero"`
}

type assignmentPreview struct {
	Action   string     `json:"action"`
	AssetIDs []DeviceID `json:"asset_ids"`
	PolicyID PolicyID   `json:"policy_id,omitzero"`
}

// PreviewSetPolicy tells what [Devices.SetPolicy] would change. It changes nothing. More than a thousand devices are asked about in
// several calls, whose changes come one after the other. Which permission it needs is not documented; [ErrForbidden] without it.
//
//api:op POST /policy-assignment/v1/orgs/{org_key}/asset-groups/preview
func (d *Devices) PreviewSetPolicy(ctx context.Context, policy PolicyID, ids ...DeviceID) ([]PolicyChange, error) {
	const op = "devices.preview_set_policy"
	if policy <= 0 {
		return nil, fmt.Errorf("cbc: %s: %d is no policy id", op, policy)
	}
	return d.preview(ctx, op, assignmentPreview{Action: "ADD_POLICY_OVERRIDE", PolicyID: policy}, ids)
}

// PreviewClearPolicy tells which policies devices would have if those that were assigned by hand no longer were: what their asset groups
// say. It changes nothing. All else is as with [Devices.PreviewSetPolicy].
//
//api:op POST /policy-assignment/v1/orgs/{org_key}/asset-groups/preview
func (d *Devices) PreviewClearPolicy(ctx context.Context, ids ...DeviceID) ([]PolicyChange, error) {
	return d.preview(ctx, "devices.preview_clear_policy", assignmentPreview{Action: "REMOVE_POLICY_OVERRIDE"}, ids)
}

func (d *Devices) preview(ctx context.Context, op string, body assignmentPreview, ids []DeviceID) ([]PolicyChange, error) {
	ids, err := checkDeviceIDs(op, ids)
	if err != nil {
		return nil, err
	}
	var changes []PolicyChange
	for chunk := range slices.Chunk(ids, maxActionDevices) {
		body.AssetIDs = chunk
		call := d.c.call(op, http.MethodPost, "/policy-assignment/v1/orgs/{org_key}/asset-groups/preview")
		call.Body, call.Repeatable = body, true // it changes nothing
		var answer struct {
			Preview []PolicyChange `json:"preview"`
		}
		if err := d.c.do(ctx, call, &answer); err != nil {
			return nil, &DevicesError{Op: op, IDs: slices.Clone(chunk), Err: err}
		}
		if answer.Preview == nil {
			return nil, &DevicesError{Op: op, IDs: slices.Clone(chunk), Err: answerError(op, http.StatusOK, nil, errors.New("no preview"))}
		}
		changes = append(changes, answer.Preview...)
	}
	return changes, nil
}
