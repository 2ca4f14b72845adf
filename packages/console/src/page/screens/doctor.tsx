// Screen of doctor.

/** The screen. */
export const DoctorScreen = () => <h1>Doctor</h1>;
