package collect

import (
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"countersign/registration/hardwarehash"
)

// TPM takes commands and gives answers, as the kernel's resource manager does.
type TPM = io.ReadWriteCloser

// OpenTPM opens this machine's TPM.
func OpenTPM() (TPM, error) { return os.OpenFile("/dev/tpmrm0", os.O_RDWR, 0) }

// tpm asks the TPM for its version and for the endorsement key that firmware or
// Windows made persistent. No secret is asked for, and nothing is changed.
func (c *collector) tpm() {
	defer c.offlineID()
	major := c.word("sys/class/tpm/tpm0/tpm_version_major")
	if major == "" {
		c.note("TPMVersion", "The kernel shows no TPM (/sys/class/tpm/tpm0).")
		c.note("EkPubHash", "The kernel shows no TPM (/sys/class/tpm/tpm0).")
		return
	}
	c.inv.TPMVersion = "TPM-Version:" + major + ".0"
	if major != "2" || c.OpenTPM == nil {
		c.note("EkPubHash", "The endorsement key of this TPM cannot be read from here; give its certificate with --ek-certificate.")
		return
	}
	dev, err := c.OpenTPM()
	if err != nil {
		c.note("EkPubHash", why("/dev/tpmrm0", err)+" Or give the TPM's certificate with --ek-certificate.")
		return
	}
	defer func() { _ = dev.Close() }() // it was only asked
	if version, err := tpmVersion(dev); err == nil {
		c.inv.TPMVersion = version
	}
	key, err := endorsementKey(dev)
	switch {
	case len(c.EKPub) > 0:
	case err != nil:
		c.note("EkPubHash", "The TPM holds no RSA endorsement key at the usual handle 0x81010001; give its certificate with --ek-certificate.")
	default:
		c.inv.EKPub = key
	}
}

// offlineID states the digest of the key, as the tools do.
func (c *collector) offlineID() {
	if len(c.EKPub) > 0 {
		c.inv.EKPub = c.EKPub
	}
	if len(c.inv.EKPub) > 0 {
		c.inv.OfflineID = &hardwarehash.OfflineID{Kind: hardwarehash.KindTPM, ID: sha256.Sum256(c.inv.EKPub)}
	}
}

// TPM 2.0 Library, part 2 (numbers) and part 3 (commands).
const (
	tagNoSessions   = 0x8001
	ccReadPublic    = 0x00000173
	ccGetCapability = 0x0000017A
	ekHandle        = 0x81010001 // TCG EK Credential Profile: RSA-2048
	capProperties   = 6
	propFixed       = 0x100
	propLevel       = 0x101
	propRevision    = 0x102
	propMaker       = 0x105
	propFirmware1   = 0x10B
	propFirmware2   = 0x10C
	algRSA          = 0x0001
	algNull         = 0x0010
	tpmHeader       = 10
)

var errTPM = errors.New("the TPM gave no usable answer")

// ask sends a command and gives its answer without the header.
func ask(dev io.ReadWriter, command uint32, params ...uint32) ([]byte, error) {
	out := binary.BigEndian.AppendUint16(nil, tagNoSessions)
	out = binary.BigEndian.AppendUint32(out, uint32(tpmHeader+4*len(params)))
	out = binary.BigEndian.AppendUint32(out, command)
	for _, p := range params {
		out = binary.BigEndian.AppendUint32(out, p)
	}
	if _, err := dev.Write(out); err != nil {
		return nil, err
	}
	in := make([]byte, 4096)
	n, err := dev.Read(in)
	if err != nil {
		return nil, err
	}
	if n < tpmHeader || binary.BigEndian.Uint32(in[6:]) != 0 {
		return nil, errTPM
	}
	return in[tpmHeader:n], nil
}

// fields reads big-endian numbers off an answer and remembers if it was too short.
type answerReader struct {
	rest  []byte
	short bool
}

func (r *answerReader) take(n int) []byte {
	if len(r.rest) < n {
		r.short = true
		return make([]byte, n)
	}
	out := r.rest[:n]
	r.rest = r.rest[n:]
	return out
}

func (r *answerReader) u16() int    { return int(binary.BigEndian.Uint16(r.take(2))) }
func (r *answerReader) u32() uint32 { return binary.BigEndian.Uint32(r.take(4)) }

// endorsementKey reads the modulus out of TPM2_ReadPublic's TPM2B_PUBLIC.
func endorsementKey(dev io.ReadWriter) ([]byte, error) {
	answer, err := ask(dev, ccReadPublic, ekHandle)
	if err != nil {
		return nil, err
	}
	r := &answerReader{rest: answer}
	r.u16() // size of the area
	kind := r.u16()
	r.u16()         // name algorithm
	r.u32()         // attributes
	r.take(r.u16()) // policy
	if kind != algRSA {
		return nil, errTPM
	}
	if symmetric := r.u16(); symmetric != algNull {
		r.take(4) // key bits and mode
	}
	if scheme := r.u16(); scheme != algNull {
		r.take(2)
	}
	r.take(2 + 4) // key bits and exponent
	key := r.take(r.u16())
	if r.short || len(key) == 0 {
		return nil, errTPM
	}
	return append([]byte(nil), key...), nil
}

// tpmVersion writes what the fixed properties say as the tools do.
func tpmVersion(dev io.ReadWriter) (string, error) {
	answer, err := ask(dev, ccGetCapability, capProperties, propFixed, 32)
	if err != nil {
		return "", err
	}
	r := &answerReader{rest: answer}
	r.take(1 + 4) // more data, capability
	props := map[uint32]uint32{}
	for range min(r.u32(), 64) {
		tag := r.u32()
		props[tag] = r.u32()
	}
	if r.short {
		return "", errTPM
	}
	maker := binary.BigEndian.AppendUint32(nil, props[propMaker])
	return fmt.Sprintf("TPM-Version:2.0 -Level:%s-Revision:%d.%02d-VendorID:'%s'-Firmware:%s.%s",
		shortNumber(props[propLevel]), props[propRevision]/100, props[propRevision]%100,
		strings.TrimRight(string(maker), "\x00 "), shortNumber(props[propFirmware1]), shortNumber(props[propFirmware2])), nil
}

// EKFromCertificate reads the RSA modulus out of an endorsement key's certificate,
// PEM or DER.
func EKFromCertificate(raw []byte) ([]byte, error) {
	if block, _ := pem.Decode(raw); block != nil {
		raw = block.Bytes
	}
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		return nil, errors.New("this is no certificate, PEM or DER")
	}
	key, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok {
		return nil, errors.New("the key in this certificate is not RSA; a hardware hash states an RSA endorsement key")
	}
	return key.N.Bytes(), nil
}
