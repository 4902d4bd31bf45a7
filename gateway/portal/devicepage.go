package portal

import (
	"net/http"

	"countersign/models"
	"countersign/registration"
)

// devicePage is one device of the tenant.
type devicePage struct {
	registration.Device
	Partner string
	Current bool
}

func (v *visit) readDevice() (devicePage, error) {
	scope := registration.Scope{Tenant: v.session.Person.TenantID}
	device, err := v.Devices.Device(v.r.Context(), scope, models.DeviceID(v.params["id"]))
	if err != nil {
		return devicePage{}, err
	}
	data := devicePage{Device: device, Current: device.State == models.RegistrationActive}
	if device.PartnerID != "" {
		facts, err := v.partner(device.PartnerID, "")
		if err != nil {
			return data, err
		}
		data.Partner = facts.Name
	}
	return data, nil
}

func (v *visit) showDevice() error {
	data, err := v.readDevice()
	if err != nil {
		return err
	}
	v.show(http.StatusOK, "device", v.T("device.title"), data)
	return nil
}

// removeDevice takes the removal of a device of the tenant's own. The core does it within
// moments; until then the page says that it is under way.
func (v *visit) removeDevice() error {
	data, err := v.readDevice()
	if err != nil {
		return err
	}
	if !data.Current {
		v.done("state_changed", devicePath+string(data.ID))
		return nil
	}
	if err := v.Remover.RemoveDevice(v.r.Context(), v.actor(), data.Device); err != nil {
		return err
	}
	v.done("removing", devicePath+string(data.ID))
	return nil
}
