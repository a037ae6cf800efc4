// Fixtures land with the first tests.
