package cbctest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// deviceSearch is the body of a device search, or the part of it that an action takes.
type deviceSearch struct {
	Criteria   deviceCriteria   `json:"criteria"`
	Exclusions deviceExclusions `json:"exclusions"`
	Query      string           `json:"query"`
	Rows       *int             `json:"rows"`
	Start      int              `json:"start"`
	Sort       []sortBy         `json:"sort"`
}

// deviceCriteria are what a device must have: one value of each member that is given.
type deviceCriteria struct {
	ID                     []looseInt   `json:"id"`
	Status                 []string     `json:"status"`
	OS                     []string     `json:"os"`
	PolicyID               []int64      `json:"policy_id"`
	ADGroupID              []int64      `json:"ad_group_id"`
	TargetPriority         []string     `json:"target_priority"`
	DeploymentType         []string     `json:"deployment_type"`
	LastContactTime        *contactTime `json:"last_contact_time"`
	CloudProviderAccountID []string     `json:"cloud_provider_account_id"`
	AutoScalingGroupName   []string     `json:"auto_scaling_group_name"`
	VirtualPrivateCloudID  []string     `json:"virtual_private_cloud_id"`
	VirtualizationProvider []string     `json:"virtualization_provider"`
}

// deviceExclusions are what a device must not have.
type deviceExclusions struct {
	SensorVersion []string `json:"sensor_version"`
}

// contactTime is a span of last contacts: from start to end, or the time up to now.
type contactTime struct {
	Start *string `json:"start"`
	End   *string `json:"end"`
	Range *string `json:"range"`
}

// deviceMatch is a device search that was understood.
type deviceMatch struct {
	deviceSearch
	query    filter
	from, to time.Time
}

// enumError is a word that is not one of those known.
type enumError struct {
	field, value string
	known        []string
}

func (e *enumError) Error() string { return e.value + " is not a value of " + e.field }

// understand checks a search. now is the time that ranges end at.
func (in deviceSearch) understand(now time.Time) (*deviceMatch, error) {
	m := &deviceMatch{deviceSearch: in, query: func(document) bool { return true }}
	c := in.Criteria
	for _, e := range []struct {
		field  string
		values []string
		known  []string
	}{
		{"criteria.status", c.Status, deviceStatuses()},
		{"criteria.os", c.OS, []string{"WINDOWS", "MAC", "LINUX", "ANDROID", "IOS", "OTHER"}},
		{"criteria.target_priority", c.TargetPriority, []string{"LOW", "MEDIUM", "HIGH", "MISSION_CRITICAL"}},
		{"criteria.deployment_type", c.DeploymentType, []string{"ENDPOINT", "WORKLOAD", "VDI", "AWS", "AZURE", "GCP"}},
	} {
		for i, v := range e.values {
			if !slices.Contains(e.known, v) {
				return nil, &enumError{field: fmt.Sprintf("%s[%d]", e.field, i), value: v, known: e.known}
			}
		}
	}
	rows := in.rows()
	if rows < 0 || rows > maxDevices || in.Start < 0 || in.Start+rows > maxDevices+1 {
		return nil, errors.New("start and rows reach beyond the first 10000 devices; the scroll route goes further")
	}
	for _, by := range in.Sort {
		if by.Order != "ASC" && by.Order != "DESC" || !isFieldName(by.Field) {
			return nil, errors.New("sort takes a field and the order ASC or DESC")
		}
	}
	if err := m.span(now); err != nil {
		return nil, err
	}
	if strings.TrimSpace(in.Query) != "" {
		q, err := parseQuery(in.Query, dialect{})
		if err != nil {
			return nil, fmt.Errorf("query: %w", err)
		}
		m.query = q.match
	}
	return m, nil
}

// deviceStatuses are what a search can ask for.
func deviceStatuses() []string {
	return []string{
		"PENDING", "REGISTERED", "UNINSTALLED", "DEREGISTERED", "ACTIVE", "INACTIVE", "ERROR", "ALL", "BYPASS_ON", "BYPASS",
		"QUARANTINE", "SENSOR_OUTOFDATE", "DELETED", "LIVE", "SENSOR_PENDING_UPDATE",
	}
}

// span reads the time of the last contact that is asked for.
func (m *deviceMatch) span(now time.Time) error {
	if m.Criteria.LastContactTime == nil {
		return nil
	}
	var err error
	m.from, m.to, err = m.Criteria.LastContactTime.span("last_contact_time", now)
	if m.Criteria.LastContactTime.Range != nil {
		m.to = time.Time{} // a sensor that checks in while the search is at work has been in contact, too
	}
	return err
}

// looseTime reads a time; without a zone it is UTC.
func looseTime(text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t, err = time.Parse("2006-01-02T15:04:05", text)
	}
	return t, err
}

func (in deviceSearch) rows() int {
	if in.Rows == nil {
		return defaultDevices
	}
	return *in.Rows
}

// wants says whether a device is one that the search asks for.
func (m *deviceMatch) wants(s *Server, d *device) bool {
	c := m.Criteria
	switch {
	case len(c.ID) > 0 && !slices.Contains(c.ID, looseInt(d.ID)),
		len(c.OS) > 0 && !slices.Contains(c.OS, d.OS),
		len(c.PolicyID) > 0 && !slices.Contains(c.PolicyID, d.PolicyID),
		len(c.TargetPriority) > 0 && !slices.Contains(c.TargetPriority, d.TargetPriority),
		len(c.DeploymentType) > 0 && !slices.Contains(c.DeploymentType, d.DeploymentType),
		slices.Contains(m.Exclusions.SensorVersion, d.SensorVersion),
		c.LastContactTime != nil && (d.contact.Before(m.from) || !m.to.IsZero() && d.contact.After(m.to)):
		return false
	}
	if len(c.Status) == 0 && len(c.ID) == 0 && d.gone() && !s.switches.Devices.ListGone {
		return false
	}
	if len(c.Status) > 0 && !slices.ContainsFunc(c.Status, func(status string) bool { return d.is(status, s.now()) }) {
		return false
	}
	doc := document{wire: s.deviceJSON(d), bare: []string{
		"name", "login_user_name", "last_internal_ip_address", "last_external_ip_address", "policy_name", "os", "os_version",
	}}
	for field, wanted := range map[string][]string{
		"ad_group_id":               texts(c.ADGroupID),
		"cloud_provider_account_id": c.CloudProviderAccountID, "auto_scaling_group_name": c.AutoScalingGroupName,
		"virtual_private_cloud_id": c.VirtualPrivateCloudID, "virtualization_provider": c.VirtualizationProvider,
	} {
		has := func(v string) bool { return slices.Contains(wanted, v) }
		if len(wanted) > 0 && !slices.ContainsFunc(doc.values(field), has) {
			return false
		}
	}
	return m.query(doc)
}

// is says whether a device counts under a status that a search asks for. A sensor that was silent for a month is inactive.
func (d *device) is(status string, now time.Time) bool {
	registered := d.Status == "REGISTERED"
	silent := now.Sub(d.contact) > 30*24*time.Hour
	switch status {
	case "ALL":
		return true
	case "ACTIVE":
		return registered && !silent
	case "INACTIVE":
		return registered && silent
	case "LIVE":
		return registered && !d.Offline
	case "BYPASS", "BYPASS_ON":
		return registered && d.Bypass
	case "QUARANTINE":
		return registered && d.Quarantined
	case "SENSOR_OUTOFDATE":
		return registered && d.SensorOutOfDate
	case "SENSOR_PENDING_UPDATE":
		return registered && d.updating
	case "ERROR":
		return registered && slices.ContainsFunc(d.SensorStates, func(state string) bool {
			return slices.Contains([]string{"DRIVER_INIT_ERROR", "REMGR_INIT_ERROR", "DB_CORRUPTION_DETECTED"}, state)
		})
	default:
		return d.Status == status
	}
}
