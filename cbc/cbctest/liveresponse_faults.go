package cbctest

// fault is why a command of a sensor failed: the low word of an HRESULT on Windows.
type fault uint16

// The Win32 errors that commands end with.
const (
	faultNone         fault = 0
	faultFileNotFound fault = 0x02
	faultPathNotFound fault = 0x03
	faultAccessDenied fault = 0x05
	faultSharing      fault = 0x20
	faultInvalid      fault = 0x57
	faultInvalidName  fault = 0x7B
	faultNotEmpty     fault = 0x91
	faultExists       fault = 0xB7
)

// facilityWin32 marks an HRESULT whose low word is a Win32 error.
const facilityWin32 = 0x80070000

// code is the number that the sensor reports: an HRESULT on Windows, an error number elsewhere.
func (f fault) code(windows bool) uint32 {
	if f == faultNone {
		return 0
	}
	if windows {
		return facilityWin32 | uint32(f)
	}
	switch f {
	case faultAccessDenied:
		return 13
	case faultSharing:
		return 26
	case faultInvalid:
		return 3
	case faultInvalidName:
		return 22
	case faultNotEmpty:
		return 39
	case faultExists:
		return 17
	default:
		return 2
	}
}

// text is the description, which the service leaves empty more often than not.
func (f fault) text() string {
	switch f {
	case faultFileNotFound:
		return "File not found"
	case faultPathNotFound:
		return "Path not found"
	case faultAccessDenied:
		return "Access denied"
	default:
		return ""
	}
}
